;; Fails for a million causes without a word: small in its memory, large in that of its host.
(module
  (memory (export "memory") 128)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 1024))
  (func (export "longshore:flow/guest@1.0.0#run") (param i32 i32 i32 i32) (result i32)
    (i32.store8 (i32.const 0) (i32.const 1))
    (i32.store (i32.const 12) (i32.const 0x10000))
    (i32.store (i32.const 16) (i32.const 1000000))
    (i32.const 0)))
