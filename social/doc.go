// Package social lets people sign in with accounts that they have elsewhere.
package social
