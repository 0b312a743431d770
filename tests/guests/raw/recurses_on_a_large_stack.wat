;; Calls itself; it is given a stack of 64 MiB, and that ends as well.
(module
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 1024))
  (func $run (export "longshore:flow/guest@1.0.0#run") (param i32 i32 i32 i32) (result i32)
    (i32.add
      (call $run (local.get 0) (local.get 1) (local.get 2) (local.get 3))
      (i32.const 1))))
