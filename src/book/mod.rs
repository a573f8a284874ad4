#![doc = include_str!("book.md")]

#[doc = include_str!("tutorial.md")]
pub mod tutorial {}

#[doc = include_str!("guides.md")]
pub mod guides {}

#[doc = include_str!("library.md")]
pub mod library {}

#[doc = include_str!("configuration.md")]
#[doc = "```toml"]
#[doc = include_str!("../../configs/default.toml")]
#[doc = "```"]
pub mod configuration {}

#[doc = include_str!("commands.md")]
pub mod commands {}

#[doc = include_str!("format.md")]
pub mod format {}

#[doc = include_str!("explanation.md")]
pub mod explanation {}
