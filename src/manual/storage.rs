//! What the store promises, and what it does when the disk breaks its own promises.
//!
//! # On disk before it is said
//!
//! Whatever an answer tells, a code spent, a session ended, a password changed, was synced before: one thread groups all who wait into one
//! `flush` and one `fdatasync`. What may be lost with the last half second is "last seen" and nothing else.
//!
//! # Manifest and anchor
//!
//! sled opens a damaged file with fewer rows, or as an older state, and says nothing. So two things are kept beside the rows:
//!
//! | what | where | says | changes |
//! |---|---|---|---|
//! | [`Manifest`](crate::store::manifest::Manifest) | a row of the database, sealed | rows of each tree, a keyed digest of their set, a sequence number | in the same batch as the rows |
//! | anchor | `store.anchor`, 8 KiB, two slots with a MAC | the newest sequence number that is durable | after the sync, before its waiters are answered; synced too |
//!
//! Every start reads all rows and compares; every hour a walk does, while the server runs; so does `vestibule store verify`, which also opens
//! every value. Fewer rows, other rows, a missing manifest or anchor, a number below the anchor's: the start is refused, and a
//! running server takes no more writes and is not ready. The digest is the sum of HMAC-SHA-256 over each row, MSet-Add-Hash of Clarke,
//! Devadas, van Dijk, Gassend and Suh (ASIACRYPT 2003), so it costs the same for ten rows and ten million.
//!
//! *Noticed:* lost, changed, added and moved rows; a log whose tail was cut off; a database of another store, an older copy of it, an
//! emptied one. *Not noticed:* an older copy of database and anchor, both put back by someone who can write the folder. After a power cut
//! the database may be newer than the anchor, which is fine.
//!
//! `vestibule store verify --accept-loss` takes what is left for the whole, on request and only while no server runs. It removes rows that
//! nobody can read. It refuses a database that lost even its first record: that would pass for a new store, with a link for whoever comes first.
//!
//! # A full or failing disk
//!
//! At the first error of any kind nothing more is written, readiness is red, and sign-ins are answered with 503: that a code is spent could not
//! be kept. The open database goes on answering reads, so signed-in people go on. Every second, after failures every 8 seconds at most, it is
//! asked whether there is room for a second copy of the database and 8 MiB; then the database is closed, its files are written anew, and it is
//! opened and read in full. Written anew, because after a failed sync the kernel takes pages for written that are not, and later syncs do not
//! mention them ("fsyncgate", PostgreSQL 2018). Every cache is told to forget before the first answer. If it does not open whole and as new as
//! the anchor, every question is answered with 503 until it does.
//!
//! There is no reserve file to free on a full disk: the room is asked for before the database is closed, so it stays open for reading. A
//! *start* on a full disk is refused.
//!
//! A sign-out that cannot be written is answered with 503, holds for this process from that moment on, and is written when the
//! store is well again. At most 10 000 of them are remembered; a restart forgets them.
