;; Drops a timer that it does not have any more.
(module
  (import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration" (func $subscribe (param i64) (result i32)))
  (import "wasi:io/poll@0.2.0" "[resource-drop]pollable" (func $drop (param i32)))
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 1024))
  (func (export "longshore:flow/guest@1.0.0#run") (param i32 i32 i32 i32) (result i32)
    (local $timer i32)
    (local.set $timer (call $subscribe (i64.const 0)))
    (call $drop (local.get $timer))
    (call $drop (local.get $timer))
    (i32.const 0)))
