;; Is a module, and no component.
(module)
