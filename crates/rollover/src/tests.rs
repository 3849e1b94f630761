//! The proof in small: rolls under a virtual clock, against a parent with a will of its own, watched by every resolver there can be.
//!
//! [`resolver`] knows only what was served and shares no code with the roller; [`world`] is everything around it.

mod cases;
mod resolver;
mod world;
