;; Reads at an address that is beyond all addresses once its offset is added.
(module
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 1024))
  (func (export "longshore:flow/guest@1.0.0#run") (param i32 i32 i32 i32) (result i32)
    (i32.load offset=0xffffffff (i32.const -1))))
