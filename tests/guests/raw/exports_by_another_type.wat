;; Offers flows that take nothing and return nothing.
(component
  (core module $m
    (func (export "run")))
  (core instance $i (instantiate $m))
  (func $run (canon lift (core func $i "run")))
  (instance (export "longshore:flow/guest@1.0.0")
    (export "run" (func $run))))
