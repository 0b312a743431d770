;; Reports a panic of which the message is not in its memory.
(module
  (import "longshore:flow/host@1.0.0" "report-panic" (func $panic (param i32 i32 i32 i32 i32)))
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 1024))
  (func (export "longshore:flow/guest@1.0.0#run") (param i32 i32 i32 i32) (result i32)
    (call $panic (i32.const 0) (i32.const -1) (i32.const 0) (i32.const 0) (i32.const 0))
    (i32.const 0)))
