package sqlstore

// What the tests of this package look into.

// SelectSession is the statement of every request, as the dialect wants it.
func (db *DB) SelectSession() string { return db.rebind(selectSession) }
