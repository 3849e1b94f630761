//! One behaviour suite for both databases (DESIGN section 3).

#[path = "store_suite/adopt.rs"]
mod adopt;
#[path = "store_suite/api_keys.rs"]
mod api_keys;
#[path = "store_suite/bench.rs"]
mod bench;
#[path = "store_suite/edit.rs"]
mod edit;
#[path = "store_suite/feed.rs"]
mod feed;
#[path = "store_suite/objects.rs"]
mod objects;
#[path = "store_suite/outage.rs"]
mod outage;
#[path = "store_suite/rectify.rs"]
mod rectify;
#[path = "store_suite/views.rs"]
mod views;

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
    api_keys: they_come_back_as_they_were_and_are_told_apart_by_name, their_use_is_noted_and_only_moves_on,
        a_row_by_hand_limits_a_key_and_hides_no_other;
    feed: foreign_sql_is_loaded_and_then_followed, what_rectifying_rewrites_is_silent, a_rollback_is_never_seen,
        our_own_edits_come_by_the_feed, a_large_patch_is_listed_by_name, a_replaced_zone_is_loaded_afresh,
        too_many_names_are_not_listed, a_cursor_from_before_pruning_loads_everything,
        another_database_loads_everything, a_cluster_with_lower_transaction_ids_takes_over,
        two_readers_go_on_together_from_where_they_meet, waiting_ends_with_a_change, the_journal_knows_its_gaps;
    adopt: what_powerdns_made_is_taken_as_it_is, a_schema_from_before_4_7_is_refused,
        opening_again_changes_nothing, servers_agree_on_one_secret, a_zone_without_our_row_is_adopted, several_open_an_empty_database_at_once;
    edit: a_zone_is_created_listed_and_deleted, rrsets_are_patched_and_read_back, the_same_again_changes_nothing,
        comments_live_beside_records, a_conflict_undoes_the_whole_patch, serials_follow_soa_edit_api,
        settings_metadata_and_keys, two_hundred_parallel_edits, an_id_used_again_is_another_zone,
        a_row_without_ttl_has_the_default;
    objects: tsig_keys_are_told_apart_by_name, one_name_is_given_once_to_many_who_want_it,
        autoprimaries_come_and_go_in_any_spelling, a_search_means_what_it_says, odd_rows_hide_no_others,
        a_zone_is_copied_row_by_row, what_the_database_refuses_is_told_from_its_absence;
    views: views_and_networks_come_by_the_feed, a_variant_is_a_zone_of_its_own;
    rectify: unsigned, nsec, nsec3, narrow, opt_out, opt_out_narrow, a_change_of_denial_rectifies_the_whole_zone,
        pdnsutil_finds_no_fault;
}
