//! One behaviour suite for both databases (DESIGN section 3).

#[path = "store_suite/bench.rs"]
mod bench;
#[path = "store_suite/feed.rs"]
mod feed;

macro_rules! store_suite {
    ($($area:ident: $($case:ident),+ $(,)?);+ $(;)?) => {
        mod sqlite {
            $(mod $area { $(#[test] fn $case() { crate::bench::run(crate::bench::Kind::Sqlite, crate::$area::$case); })+ })+
        }
        mod postgres {
            $(mod $area { $(#[test] fn $case() { crate::bench::run(crate::bench::Kind::Postgres, crate::$area::$case); })+ })+
        }
    };
}

store_suite! {
    feed: foreign_sql_is_loaded_and_then_followed, what_rectifying_rewrites_is_silent, a_rollback_is_never_seen;
}
