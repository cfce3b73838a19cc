//! FILE ↔ SIGNAL: one file per format, recognised by content.
