;; Imports a function of the contract as if it were of another type.
(component
  (import "longshore:flow/host@1.0.0" (instance (export "get-context" (func (result u64))))))
