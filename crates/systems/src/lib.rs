//! Adapters to the real systems.
