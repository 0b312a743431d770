;; Waits for a timer that it has never been given.
(module
  (import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param i32)))
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 1024))
  (func (export "longshore:flow/guest@1.0.0#run") (param i32 i32 i32 i32) (result i32)
    (call $block (i32.const 7))
    (i32.const 0)))
