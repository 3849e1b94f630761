//! Stored changes become snapshots, snapshots become served zones.
