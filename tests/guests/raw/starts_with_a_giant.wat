;; Has 1 GiB of memory before its first instruction.
(module
  (memory (export "memory") 16384)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 1024))
  (func (export "longshore:flow/guest@1.0.0#run") (param i32 i32 i32 i32) (result i32)
    (i32.const 0)))
