;; Imports a function that is in no interface.
(component
  (import "system" (func (param "command" string))))
