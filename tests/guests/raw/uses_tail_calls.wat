;; Calls itself for ever without a stack.
(component
  (core module
    (func $f
      (return_call $f))))
