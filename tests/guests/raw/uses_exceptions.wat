;; Throws.
(component
  (core module
    (tag $e)
    (func
      (throw $e))))
