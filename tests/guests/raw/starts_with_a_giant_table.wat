;; Has a table of ten million entries before its first instruction.
(module
  (table 10000000 funcref)
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 1024))
  (func (export "longshore:flow/guest@1.0.0#run") (param i32 i32 i32 i32) (result i32)
    (i32.const 0)))
