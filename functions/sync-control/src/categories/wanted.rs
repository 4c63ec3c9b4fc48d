//! What a body asks of a category. All that is wrong is told at once.

use serde_json::Value;
use signalbox::domain::mirror::categories::{
    CategoryId, CategoryName, Change, GoogleCategoryId, InvalidName, New, SORT_ORDER_MAX, Slug,
};
use signalbox::http::mirror_problem::MirrorProblem;

use crate::body::Fields;

/// A body's fields, and what is wrong with them.
struct Reader<'a> {
    fields: &'a Fields,
    wrong: Vec<(&'static str, String)>,
}

impl<'a> Reader<'a> {
    fn of(fields: &'a Fields, names: &[&str]) -> Result<Self, MirrorProblem> {
        fields.check_known(names)?;
        Ok(Self { fields, wrong: Vec::new() })
    }

    /// A field that is there and not null.
    fn read<T>(&mut self, name: &'static str, parse: impl Fn(&Value) -> Result<T, String>) -> Option<T> {
        let read = parse(self.fields.get(name)?);
        read.map_err(|why| self.wrong.push((name, why))).ok()
    }

    fn text<T>(&mut self, name: &'static str, parse: fn(&str) -> Result<T, InvalidName>) -> Option<T> {
        // What is no text is told as a text that is none of these is.
        self.read(name, |value| parse(value.as_str().unwrap_or_default()).map_err(|why| why.to_string()))
    }

    /// A field that may be null, which says none.
    fn or_none<T>(&mut self, name: &'static str, parse: fn(&str) -> Result<T, InvalidName>) -> Option<Option<T>> {
        self.fields.has(name).then(|| self.text(name, parse))
    }

    fn sort_order(&mut self) -> Option<u32> {
        self.read("sortOrder", |value| {
            let read = value.as_u64().and_then(|read| u32::try_from(read).ok()).filter(|read| *read <= SORT_ORDER_MAX);
            read.ok_or_else(|| format!("must be a whole number from 0 to {SORT_ORDER_MAX}"))
        })
    }

    fn required<T>(&mut self, name: &'static str, value: Option<T>) -> Option<T> {
        if value.is_none() && !self.wrong.iter().any(|(wrong, _)| *wrong == name) {
            self.wrong.push((name, "is required".into()));
        }
        value
    }

    /// Null where nothing else than a value makes sense.
    fn refuse_null(&mut self, names: &[&'static str]) {
        for name in names.iter().filter(|name| self.fields.has(name) && self.fields.get(name).is_none()) {
            self.wrong.push((name, "must not be null: leave it out to keep what there is".into()));
        }
    }

    fn checked(self) -> Result<(), MirrorProblem> {
        if self.wrong.is_empty() {
            return Ok(());
        }
        let wrong: Vec<(&str, &str)> = self.wrong.iter().map(|(name, why)| (*name, why.as_str())).collect();
        Err(MirrorProblem::invalid(&wrong))
    }
}

/// What a category is to be.
pub(super) fn new(fields: &Fields) -> Result<New, MirrorProblem> {
    let mut reader = Reader::of(fields, &["name", "slug", "parentId", "googleCategoryId", "sortOrder"])?;
    let name = reader.text("name", CategoryName::parse);
    let name = reader.required("name", name);
    let slug = reader.text("slug", Slug::parse);
    let slug = reader.required("slug", slug);
    let parent_id = reader.text("parentId", CategoryId::parse);
    let google_category_id = reader.text("googleCategoryId", GoogleCategoryId::parse);
    let sort_order = reader.sort_order();
    reader.checked()?;
    match (name, slug) {
        (Some(name), Some(slug)) => Ok(New { name, slug, parent_id, google_category_id, sort_order }),
        _ => Err(MirrorProblem::invalid(&[("name", "is required")])),
    }
}

/// What is to be changed of a category.
pub(super) fn change(fields: &Fields) -> Result<Change, MirrorProblem> {
    const NAMES: [&str; 6] = ["name", "slug", "parentId", "googleCategoryId", "sortOrder", "isActive"];
    let mut reader = Reader::of(fields, &NAMES)?;
    reader.refuse_null(&["name", "slug", "sortOrder", "isActive"]);
    let change = Change {
        name: reader.text("name", CategoryName::parse),
        slug: reader.text("slug", Slug::parse),
        parent_id: reader.or_none("parentId", CategoryId::parse),
        google_category_id: reader.or_none("googleCategoryId", GoogleCategoryId::parse),
        sort_order: reader.sort_order(),
        is_active: reader.read("isActive", |value| value.as_bool().ok_or_else(|| "must be true or false".to_owned())),
    };
    reader.checked()?;
    if NAMES.iter().all(|name| !fields.has(name)) {
        let names = NAMES.join(", ");
        return Err(MirrorProblem::invalid(&[("body", &format!("must name what is to be changed: {names}"))]));
    }
    Ok(change)
}

/// Which of Google's categories a category is to stand for.
pub(super) fn align(fields: &Fields) -> Result<Change, MirrorProblem> {
    const NAME: &str = "googleCategoryId";
    let mut reader = Reader::of(fields, &[NAME])?;
    let google_category_id = reader.or_none(NAME, GoogleCategoryId::parse);
    let google_category_id = reader.required(NAME, google_category_id);
    reader.checked()?;
    Ok(Change { google_category_id, ..Change::default() })
}
