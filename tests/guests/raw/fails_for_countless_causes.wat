;; Fails for 100,000 causes which are all the same MiB of text: 100 GB, had somebody to hold them.
(module
  (memory (export "memory") 32)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 1024))
  (func (export "longshore:flow/guest@1.0.0#run") (param i32 i32 i32 i32) (result i32)
    (local $at i32)
    (i32.store8 offset=0 (i32.const 0x1e0000) (i32.const 1))
    (i32.store offset=12 (i32.const 0x1e0000) (i32.const 0x100000))
    (i32.store offset=16 (i32.const 0x1e0000) (i32.const 100000))
    (local.set $at (i32.const 0x100000))
    (loop $next
      (i32.store offset=4 (local.get $at) (i32.const 0x100000))
      (local.set $at (i32.add (local.get $at) (i32.const 8)))
      (br_if $next (i32.lt_u (local.get $at) (i32.const 0x1c3500))))
    (i32.const 0x1e0000)))
