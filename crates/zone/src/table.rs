//! The paged copy-on-write table that names, NSEC3 records and served zones are kept in (filled in by the zone author).
