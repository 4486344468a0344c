//! Rows: a public struct in the words of the domain, and behind it the columns as diesel keeps them.

/// Makes both structs of a table, `field: Type as Column`, and the ways from one to the other.
macro_rules! row {
    (
        $(#[$meta:meta])*
        pub struct $row:ident as $kept:ident in $table:ident {
            $($(#[$field_meta:meta])* $field:ident: $ty:ty as $column:ty,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $row {
            $($(#[$field_meta])* pub $field: $ty,)*
        }

        #[derive(Debug, Clone, Queryable, Insertable, AsChangeset)]
        #[diesel(table_name = $table)]
        #[diesel(treat_none_as_null = true, treat_none_as_default_value = false)]
        pub(crate) struct $kept {
            $($field: $column,)*
        }

        impl From<$kept> for $row {
            fn from(kept: $kept) -> Self {
                Self { $($field: <$ty as $crate::types::Kept<$column>>::restore(kept.$field),)* }
            }
        }

        impl From<&$row> for $kept {
            fn from(row: &$row) -> Self {
                Self { $($field: <$ty as $crate::types::Kept<$column>>::keep(&row.$field),)* }
            }
        }
    };
}

/// Turns what a query gave into rows.
pub(crate) fn rows<K, R: From<K>>(kept: Vec<K>) -> Vec<R> {
    kept.into_iter().map(R::from).collect()
}
