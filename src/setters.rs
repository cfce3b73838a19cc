//! Chained setters for structs of options, whose fields may grow.

/// `name: Type` sets a field; `name ?optional: Type` sets an optional one, from a value or an `Option`.
macro_rules! setters {
    ($($name:ident $(? $optional:tt)?: $type:ty,)*) => {
        $(setters!(@one $name $($optional)? $type);)*
    };
    (@one $name:ident optional $type:ty) => {
        #[doc = concat!("This with another `", stringify!($name), "`.")]
        #[must_use]
        pub fn $name(mut self, $name: impl Into<Option<$type>>) -> Self {
            self.$name = $name.into();
            self
        }
    };
    (@one $name:ident $type:ty) => {
        #[doc = concat!("This with another `", stringify!($name), "`.")]
        #[must_use]
        pub fn $name(mut self, $name: $type) -> Self {
            self.$name = $name;
            self
        }
    };
}
pub(crate) use setters;
