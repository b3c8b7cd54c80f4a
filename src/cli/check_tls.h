/*
 * TLS in `braid check HOST`: a handshake and what it became (check_tls.c), and what that means
 * (check_tls_judge.c, pure).
 */
#ifndef BRI_CLI_CHECK_TLS_H
#define BRI_CLI_CHECK_TLS_H

#include "cli/cli.h"
#include "cli/report.h"

#define BRI_CHECK_TLS_MAX_NAMES 8   /* that are shown of a certificate; some have a hundred */
#define BRI_CHECK_TLS_NAME_SIZE 96  /* cut there: for people to read */
#define BRI_CHECK_TLS_ALPN_SIZE 256 /* RFC 7301, 3.1: 255 bytes */

enum bri_check_tls_outcome {
	BRI_CHECK_TLS_READY,
	BRI_CHECK_TLS_FAILED,
	BRI_CHECK_TLS_SILENT, /* no end of the handshake within the time given */
};

/* Text from the peer has printable characters only. */
struct bri_check_tls {
	enum bri_check_tls_outcome outcome;
	uint64_t timeout_ns, handshake_us; /* the latter with the connection's own time */
	bool multipath;
	unsigned version; /* as on the wire */
	uint16_t suite;
	char alpn[BRI_CHECK_TLS_ALPN_SIZE]; /* "": none was chosen */
	bool has_certificate;
	int trust; /* 0: trusted; else an errSSL number */
	size_t n_names;
	bool names_cut; /* there are more */
	char names[BRI_CHECK_TLS_MAX_NAMES][BRI_CHECK_TLS_NAME_SIZE];
	char issuer[BRI_CHECK_TLS_NAME_SIZE]; /* "": none that can be shown */
	int64_t not_before, not_after, now;   /* seconds since 1970 */
	bool is_tls_error;                    /* `code` is an errSSL number; else an errno */
	int code;
	char error[128];
};

/* bri_check_tls_try(): connects with TLS, sends nothing else. 0, or -ENOMEM. */
int bri_check_tls_try(
	const struct bri_cli_target *target, uint64_t timeout_ns, struct bri_check_tls *ret);

/* bri_check_tls_judge(): adds rows. Pure. */
void bri_check_tls_judge(const struct bri_check_tls *tls, const struct bri_cli_target *target,
	struct bri_report *report);

/* bri_check_tls_json(): an object "tls". */
void bri_check_tls_json(const struct bri_check_tls *tls, struct bri_json *json);

#endif
