;; Makes objects that the host has to collect.
(component
  (core module
    (type $s (struct (field i32)))
    (func (result (ref $s))
      (struct.new_default $s))))
