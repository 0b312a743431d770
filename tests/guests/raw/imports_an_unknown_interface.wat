;; Imports what nobody offers.
(component
  (import "evil:host/doors@1.0.0" (instance (export "open" (func)))))
