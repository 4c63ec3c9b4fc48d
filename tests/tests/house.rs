//! The rules of the house: what no compiler checks but every change must keep.

mod house {
    mod anchors;
    mod dependencies;
    mod files;
    mod layers;
    mod names;
    mod observability;
    mod operated;
    mod recorded;
    mod workspace;
}
