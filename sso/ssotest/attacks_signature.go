package ssotest

func signatureAttacks() []attack { return nil }
func protocolAttacks() []attack  { return nil }
func openidAttacks() []attack    { return nil }
