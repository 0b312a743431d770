;; Calls a function as if it were of another type.
(module
  (table 1 funcref)
  (elem (i32.const 0) $other)
  (func $other (param f64) (result f64)
    (local.get 0))
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 1024))
  (func (export "longshore:flow/guest@1.0.0#run") (param i32 i32 i32 i32) (result i32)
    (call_indirect (result i32) (i32.const 0))))
