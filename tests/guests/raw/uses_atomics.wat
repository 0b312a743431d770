;; Waits for another thread.
(component
  (core module
    (memory 1)
    (func (result i32)
      (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1)))))
