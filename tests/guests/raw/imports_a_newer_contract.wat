;; Imports a version of the contract that is not there yet.
(component
  (import "longshore:flow/host@2.0.0" (instance (export "open-all-doors" (func)))))
