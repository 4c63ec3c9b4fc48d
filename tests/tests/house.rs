//! The rules of the house: what no compiler checks but every change must keep.

mod house {
    mod dependencies;
    mod files;
    mod layers;
    mod names;
    mod recorded;
    mod workspace;
}
