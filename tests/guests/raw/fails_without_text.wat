;; Fails with a message that is no text.
(module
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 1024))
  (func (export "longshore:flow/guest@1.0.0#run") (param i32 i32 i32 i32) (result i32)
    (i32.store8 (i32.const 0) (i32.const 1))
    (i32.store (i32.const 4) (i32.const 512))
    (i32.store (i32.const 8) (i32.const 4))
    (i32.const 0))
  (data (i32.const 512) "\ff\fe\fd\fc"))
