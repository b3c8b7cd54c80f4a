/*
 * The client's side of a SOCKS 5 handshake (RFC 1928) with no authentication or with user name and
 * password (RFC 1929), for one CONNECT. Bytes in, bytes out; knows no socket, no clock.
 */
#ifndef BRI_SOCKS5_H
#define BRI_SOCKS5_H

#include "base/base.h"

#define BRI_SOCKS5_TEXT_MAX 255 /* names, user names, passwords: their length is one byte */

/* Where the proxy shall connect to. Borrowed for bri_socks5_init(). */
struct bri_socks5_target {
	const char *host;       /* a name; not used when there is an address */
	const uint8_t *address; /* network order; NULL: by name, which the proxy resolves */
	size_t address_size;    /* 4 or 16 */
	uint16_t port;          /* host byte order */
	const char *username;   /* NULL: no authentication is offered but "none" */
	const char *password;   /* NULL: "" */
};

enum bri_socks5_state {
	BRI_SOCKS5_METHOD, /* greeting sent; which method is awaited */
	BRI_SOCKS5_AUTH,   /* user name and password sent */
	BRI_SOCKS5_REPLY,  /* request sent */
	BRI_SOCKS5_OPEN,   /* all that follows belongs to the tunnel */
	BRI_SOCKS5_FAILED,
};

/* The longest of our messages: user name and password. */
#define BRI_SOCKS5_TX_MAX (3 + 2 * BRI_SOCKS5_TEXT_MAX)
/* VER REP RSV ATYP, a length and the longest name, port */
#define BRI_SOCKS5_RX_MAX (4 + 1 + BRI_SOCKS5_TEXT_MAX + 2)

/* About 1.3 KB; freed with the memory it is in, after bri_socks5_wipe(). */
struct bri_socks5 {
	enum bri_socks5_state state;
	int error; /* of BRI_SOCKS5_FAILED: what rx() returned */
	bool has_credentials;
	bool told; /* the message of this state was taken by bri_socks5_tx() */
	size_t rx_size, greeting_size, auth_size, request_size;
	uint8_t greeting[4];
	uint8_t auth[BRI_SOCKS5_TX_MAX];
	uint8_t request[BRI_SOCKS5_RX_MAX];
	uint8_t rx[BRI_SOCKS5_RX_MAX];
};

enum {
	BRI_SOCKS5_MORE = 0,
	BRI_SOCKS5_DONE = 1,
};

/*
 * bri_socks5_init(): copies what it needs; the greeting is there to be sent.
 * Returns 0, or -EINVAL: the name is empty or over 255 bytes, the user name is empty or over 255
 * bytes, the password is over 255 bytes, the address is of no known size.
 */
int bri_socks5_init(struct bri_socks5 *s, const struct bri_socks5_target *target);

/* bri_socks5_tx(): the message to be sent now, once; false: none. Borrowed until the
 * state changes. */
bool bri_socks5_tx(struct bri_socks5 *s, const uint8_t **ret, size_t *ret_size);

/*
 * bri_socks5_rx(): bytes of the proxy. At most one message is used, so that ours goes out before
 * the next one is looked at: call it again with the rest. ret_used  how many of them were used;
 * written always Returns BRI_SOCKS5_MORE (see bri_socks5_tx()), BRI_SOCKS5_DONE: the tunnel is
 * open, or -EPROTO        that is not SOCKS 5 -EACCES        no authentication method in common, or
 * user name and password were refused -EREMOTEIO     the proxy has failed (reply 1) -EPERM its
 * rules forbid it (2) -ENETUNREACH, -EHOSTUNREACH, -ECONNREFUSED, -ETIMEDOUT (3 to 6) -EOPNOTSUPP
 * it does not do CONNECT (7) -EAFNOSUPPORT  it does not know this kind of address (8) After an
 * error or BRI_SOCKS5_DONE it uses nothing and returns the same again.
 */
int bri_socks5_rx(struct bri_socks5 *s, const uint8_t *bytes, size_t size, size_t *ret_used);

/* bri_socks5_wipe(): the password is no longer in memory. */
void bri_socks5_wipe(struct bri_socks5 *s);

#endif
