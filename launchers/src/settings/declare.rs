//! Declares the settings of a kind.

/// Makes a struct of typed settings, with the table that describes them and the reader that fills it.
///
/// Each field stands on a line of its own below its documentation, which people read as well: what it says, one sentence
/// if possible. Before the name stands who may set it: `free` for everybody, `guarded` for what a flow is allowed to ask
/// for only where its pool or its caller lets it.
macro_rules! settings {
    (@guard free) => { $crate::settings::Guard::Free };
    (@guard guarded) => { $crate::settings::Guard::Guarded };
    (
        $(#[doc = $about:literal])*
        $vis:vis struct $name:ident {
            $( $(#[doc = $doc:literal])* $guard:ident $field:ident: $type:ty = $default:expr, )*
        }
    ) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        $vis struct $name {
            $( $(#[doc = $doc])* $vis $field: $type, )*
        }

        impl $name {
            /// What can be set, in the order in which it is shown.
            $vis fn table() -> Vec<$crate::settings::Setting> {
                vec![ $( $crate::settings::Setting::new::<$type>(
                    stringify!($field),
                    concat!($($doc),*).trim(),
                    $crate::settings::settings!(@guard $guard),
                    &$default,
                ), )* ]
            }

            /// The values, as they were resolved.
            ///
            /// # Errors
            /// When they were resolved for another kind.
            $vis fn of(
                settings: &$crate::settings::JobSettings,
            ) -> Result<Self, $crate::Error> {
                Ok(Self { $( $field: settings.read(stringify!($field))?, )* })
            }
        }
    };
}

pub(crate) use settings;
