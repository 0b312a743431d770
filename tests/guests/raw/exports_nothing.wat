;; Offers no flows at all.
(component
  (core module))
