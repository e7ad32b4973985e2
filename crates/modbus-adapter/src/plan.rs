use std::collections::BTreeSet;

use crate::tag::{Span, Table, Tag};

/// One request, and the tags that its answer serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    /// What is asked for.
    pub(crate) span: Span,
    /// Indices of the tags within it; never empty.
    pub(crate) members: Vec<usize>,
}

impl Block {
    /// The part of the block's answer that holds a tag of the block.
    pub(crate) fn cells_of<'a>(&self, span: Span, cells: &'a [u16]) -> &'a [u16] {
        let first = usize::from(span.start - self.span.start);
        &cells[first..first + usize::from(span.count)]
    }
}

/// How far requests may be merged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Merging {
    /// The most registers of a request.
    pub(crate) max_registers: u16,
    /// The most coils or discrete inputs of a request.
    pub(crate) max_bits: u16,
    /// The most unused registers read along between two tags, or sixteen times as many bits.
    pub(crate) max_gap: u16,
}

impl Merging {
    /// The most cells of a request to a table.
    pub(crate) fn max_cells(&self, table: Table) -> u16 {
        match table {
            Table::Coil | Table::Discrete => self.max_bits,
            Table::Input | Table::Holding => self.max_registers,
        }
    }
}

/// Places in the tables that no request may read over: one end of it must be below the cell, the other at or above it.
pub(crate) type Walls = BTreeSet<(Table, u32)>;

/// Few requests, each within bounds, that read these tags: they are sorted by address and merged greedily.
pub(crate) fn merged(
    tags: &[Tag],
    members: impl IntoIterator<Item = usize>,
    merging: Merging,
    walls: &Walls,
) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for index in sorted(tags, members) {
        let span = tags[index].span;
        match blocks.last_mut() {
            Some(block) if fits(block.span, span, merging, walls) => {
                block.span.count = (block.span.end().max(span.end()) - u32::from(block.span.start)) as u16;
                block.members.push(index);
            }
            _ => blocks.push(Block { span, members: vec![index] }),
        }
    }
    blocks
}

/// One request for each set of cells that a tag names, with nothing read along.
pub(crate) fn alone(tags: &[Tag], members: impl IntoIterator<Item = usize>) -> Vec<Block> {
    let sorted = sorted(tags, members);
    let same_cells = sorted.chunk_by(|&left, &right| tags[left].span == tags[right].span);
    same_cells.map(|members| Block { span: tags[members[0]].span, members: members.to_vec() }).collect()
}

fn sorted(tags: &[Tag], members: impl IntoIterator<Item = usize>) -> Vec<usize> {
    let mut sorted: Vec<usize> = members.into_iter().collect();
    sorted.sort_by_key(|&index| (tags[index].span, index));
    sorted
}

/// Whether a block can grow to hold a span that starts at or behind its own start.
fn fits(block: Span, span: Span, merging: Merging, walls: &Walls) -> bool {
    let max_cells = u32::from(merging.max_cells(block.table));
    let max_gap = u32::from(block.table.cells_in(merging.max_gap));
    let end = block.end().max(span.end());
    block.table == span.table
        && u32::from(span.start) <= block.end() + max_gap
        && end - u32::from(block.start) <= max_cells
        && !is_between(walls, block.table, u32::from(block.start), u32::from(span.start))
}

/// Whether a wall is above the cell `low` and not above the cell `high`.
pub(crate) fn is_between(walls: &Walls, table: Table, low: u32, high: u32) -> bool {
    low < high && walls.range((table, low + 1)..=(table, high)).next().is_some()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use adapter::testing::signal;
    use plant::DataType;
    use proptest::prelude::*;

    use super::*;
    use crate::tag::{BITS_MAX, REGISTERS_MAX, Reading, tags};

    fn tags_at(addresses: &[(String, DataType)]) -> Vec<Tag> {
        let signals: Vec<_> = addresses
            .iter()
            .enumerate()
            .map(|(id, (address, data_type))| signal(id as u32, address, *data_type))
            .collect();
        tags(&signals.iter().collect::<Vec<_>>(), Reading::STANDARD).unwrap()
    }

    fn check(addresses: &[&str], merging: Merging, expected: &[&str]) {
        let typed = |address: &&str| {
            let bit = address.contains('.') || address.starts_with("coil");
            (address.to_string(), if bit { DataType::Bool } else { DataType::F32 })
        };
        let tags = tags_at(&addresses.iter().map(typed).collect::<Vec<_>>());
        let blocks: Vec<_> =
            merged(&tags, 0..tags.len(), merging, &Walls::new()).iter().map(|block| block.span.to_string()).collect();
        assert_eq!(blocks, expected, "{addresses:?}");
    }

    #[test]
    fn neighbours_are_merged_over_small_gaps_only() {
        let merging = Merging { max_registers: 10, max_bits: 160, max_gap: 2 };
        check(&["holding:4", "holding:0", "holding:2"], merging, &["holding 0 to 5"]);
        check(&["holding:0", "holding:4"], merging, &["holding 0 to 5"]);
        check(&["holding:0", "holding:5"], merging, &["holding 0 to 1", "holding 5 to 6"]);
        check(&["holding:0", "input:2"], merging, &["input 2 to 3", "holding 0 to 1"]);
        check(&["holding:7.1", "holding:7.2", "holding:6"], merging, &["holding 6 to 7"]);
        check(&["coil:0", "coil:33", "coil:66"], merging, &["coil 0 to 66"]);
        check(&["coil:0", "coil:34"], merging, &["coil 0", "coil 34"]);
    }

    #[test]
    fn a_block_ends_where_the_device_can_give_no_more() {
        let merging = Merging { max_registers: 4, max_bits: 64, max_gap: 0 };
        check(&["holding:0", "holding:2", "holding:4"], merging, &["holding 0 to 3", "holding 4 to 5"]);
        check(&["holding:65534"], merging, &["holding 65534 to 65535"]);
    }

    fn any_address() -> impl Strategy<Value = (String, DataType)> {
        prop_oneof![
            (0..200u16).prop_map(|start| (format!("coil:{start}"), DataType::Bool)),
            (0..200u16).prop_map(|start| (format!("discrete:{start}"), DataType::Bool)),
            (0..200u16, 0..16u8).prop_map(|(start, bit)| (format!("holding:{start}.{bit}"), DataType::Bool)),
            (0..200u16).prop_map(|start| (format!("holding:{start}"), DataType::F64)),
            (65_400..65_535u16).prop_map(|start| (format!("holding:{start}"), DataType::U32)),
            (0..200u16, 1..=8u16).prop_map(|(start, count)| (format!("input:{start}/{count}"), DataType::Text)),
        ]
    }

    /// Every tag is in exactly one block, within its cells, and of its table.
    fn assert_covered(tags: &[Tag], blocks: &[Block]) {
        let mut served: Vec<usize> = blocks.iter().flat_map(|block| block.members.clone()).collect();
        served.sort_unstable();
        assert_eq!(served, (0..tags.len()).collect::<Vec<_>>());
        for block in blocks {
            for &member in &block.members {
                let span = tags[member].span;
                assert_eq!(span.table, block.span.table);
                assert!(block.span.start <= span.start && span.end() <= block.span.end());
            }
        }
    }

    proptest! {
        #[test]
        fn every_tag_is_read_and_no_request_is_too_long(
            addresses in proptest::collection::vec(any_address(), 0..60),
            max_registers in 8..=REGISTERS_MAX,
            max_bits in 1..=BITS_MAX,
            max_gap in 0..20u16,
            walls in proptest::collection::btree_set((0..200u32).prop_map(|at| (Table::Holding, at)), 0..4),
        ) {
            let tags = tags_at(&addresses);
            let merging = Merging { max_registers, max_bits, max_gap };
            let blocks = merged(&tags, 0..tags.len(), merging, &walls);
            assert_covered(&tags, &blocks);
            for block in &blocks {
                prop_assert!(block.span.count <= merging.max_cells(block.span.table));
                let (first, last) = (tags[block.members[0]].span, tags[block.members[block.members.len() - 1]].span);
                let over = |wall: &&(Table, u32)| {
                    wall.0 == block.span.table && u32::from(first.start) < wall.1 && wall.1 <= u32::from(last.start)
                };
                prop_assert!(walls.iter().find(over).is_none());
                prop_assert!(block.span.end() <= crate::tag::TABLE_CELLS);
                let used: std::collections::BTreeSet<u32> = block
                    .members
                    .iter()
                    .flat_map(|&member| u32::from(tags[member].span.start)..tags[member].span.end())
                    .collect();
                let widest_gap = used.iter().zip(used.iter().skip(1)).map(|(left, right)| right - left - 1).max();
                prop_assert!(widest_gap.unwrap_or(0) <= u32::from(block.span.table.cells_in(max_gap)));
            }
        }

        #[test]
        fn a_tag_alone_is_read_with_nothing_else(addresses in proptest::collection::vec(any_address(), 0..60)) {
            let tags = tags_at(&addresses);
            let blocks = alone(&tags, 0..tags.len());
            assert_covered(&tags, &blocks);
            for block in &blocks {
                prop_assert!(block.members.iter().all(|&member| tags[member].span == block.span));
            }
        }
    }
}
