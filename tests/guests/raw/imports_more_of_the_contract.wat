;; Imports a function that the contract does not have.
(component
  (import "longshore:flow/host@1.0.0" (instance (export "open-all-doors" (func)))))
