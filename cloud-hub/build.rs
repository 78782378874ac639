//! Rebuilds when a migration is added; `sqlx::migrate!` sees changes of known files only.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
