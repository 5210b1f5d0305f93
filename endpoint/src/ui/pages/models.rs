//! Lists on the screen: only the rows that differ are touched, so that only they are drawn again.

use slint::{Model, VecModel};

/// Makes `model` hold `rows`.
pub(in crate::ui) fn sync<T: Clone + PartialEq + 'static>(model: &VecModel<T>, rows: Vec<T>) {
    while model.row_count() > rows.len() {
        model.remove(model.row_count() - 1);
    }
    for (index, row) in rows.into_iter().enumerate() {
        match model.row_data(index) {
            None => model.push(row),
            Some(shown) if shown != row => model.set_row_data(index, row),
            Some(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_becomes_the_rows_whether_they_are_more_or_fewer() {
        let model = VecModel::from(vec![1, 2, 3]);
        sync(&model, vec![1, 5]);
        assert_eq!(model.iter().collect::<Vec<_>>(), [1, 5]);
        sync(&model, vec![4, 5, 6, 7]);
        assert_eq!(model.iter().collect::<Vec<_>>(), [4, 5, 6, 7]);
    }
}
