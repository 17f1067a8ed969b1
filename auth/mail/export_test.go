package mail

// Rows are the rows of a Memory as they stand.
func Rows(m *Memory) (rows []OutboxRow) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, w := range m.rows {
		rows = append(rows, w.OutboxRow)
	}
	return rows
}
