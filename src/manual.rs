//! The manual: what the code defends, why it is built as it is, and every number in it.
//!
//! Prose only. It is checked against the code when either changes; where both differ, the code is right
//! and the manual has a defect.

pub mod threats;
pub mod states;
pub mod decisions;
pub mod storage;
pub mod keys;
pub mod pathways;
pub mod throttles;
pub mod limits;
pub mod abuse;
pub mod inputs;
pub mod http;
pub mod operations;
pub mod asvs;
pub mod advisories;
