package password

// CommonList is the list as it is embedded.
func CommonList() string { return commonText }

// Listed looks a word up in it.
func Listed(word string) bool { return listed(word) }

// Cost is the work that a stored hash asks for: KiB of memory, and KiB in all passes or rounds of a slow hash. again is the
// text that the parsed hash would be written as, where that is one text only.
func Cost(hash string) (memory, work uint64, again string, known bool) {
	if a, ok := parseArgon2id(hash); ok {
		return uint64(a.Memory), uint64(a.Memory) * uint64(a.Passes), a.String(), true
	}
	if b, ok := parseBcrypt(hash); ok {
		return 0, 1 << ((b[4]-'0')*10 + b[5] - '0'), string(b), true
	}
	if p, ok := parsePBKDF2(hash); ok {
		return 0, uint64(p.rounds), hash, true
	}
	return 0, 0, "", false
}
