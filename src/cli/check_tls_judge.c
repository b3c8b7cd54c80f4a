/* What a TLS handshake of `braid check` means, and what to do about it. Reads nothing itself. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "cli/check_tls.h"
#include "cli/net.h"

/* Authorities renew 30 days before the end (Let's Encrypt's advice): at 14 that was missed. */
#define RENEW_BEFORE_S (14 * INT64_C(86400))

static const char *date_text(int64_t seconds, char ret[static 32])
{
	time_t t = (time_t)seconds;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(ret, 32, "%Y-%m-%d", &tm))
		snprintf(ret, 32, "?");
	return ret;
}

/* --- failures --- */

static void judge_failure(const struct bri_check_tls *tls, const struct bri_cli_target *target,
	struct bri_report *report)
{
	const char *text, *fix;
	struct bri_report_row *row;

	switch (tls->is_tls_error ? tls->code : 0) {
	case errSSLProtocol:
	case errSSLUnexpectedRecord:
	case errSSLRecordOverflow:
	case errSSLDecodeError:
		text = "what answers on this port does not speak TLS";
		fix = "give the port that has TLS (HTTPS: 443), or switch TLS on in the server "
		      "(nginx: 'listen ... ssl')";
		break;
	case errSSLPeerProtocolVersion:
		text = "no version of TLS in common, or what answers does not speak TLS";
		fix = "let the server offer TLS 1.2 and 1.3 (nginx: 'ssl_protocols TLSv1.2 "
		      "TLSv1.3'), or give the port that has TLS";
		break;
	case errSSLNegotiation:
	case errSSLPeerInsufficientSecurity:
		text = "no cipher suite or key exchange in common";
		fix = "let the server offer TLS 1.3, or with TLS 1.2 suites with ECDHE and AES-GCM "
		      "or ChaCha20";
		break;
	case errSSLPeerHandshakeFail:
		text = "the server refused the handshake";
		fix = "its log says why; often: no suite in common, no protocol in common by ALPN, "
		      "or no certificate for this name";
		break;
	case errSSLUnrecognizedName:
		text = "the server does not know this name";
		fix = "name the host as the server's configuration does (nginx: 'server_name')";
		break;
	case errSSLCertificateRequired:
		text = "the server wants a certificate of the client";
		fix = "that is its choice; try one with 'braid cat --tls --cert FILE --key FILE'";
		break;
	default:
		text = "broken off before TLS was agreed";
		fix = "look whether TLS is spoken on this port (HTTPS: 443), and into the "
		      "server's log; if the server knows nothing of it, a firewall on the way did "
		      "it: compare from another network";
		break;
	}
	row = bri_report_add(report, BRI_VERDICT_BAD, "tls.handshake", "TLS", NULL,
		"no TLS with %s port %s: %s (%s)", target->host, target->port, text, tls->error);
	bri_report_fix(row, "%s", fix);
}

static void judge_silence(const struct bri_check_tls *tls, struct bri_report *report)
{
	struct bri_report_row *row = bri_report_add(report, BRI_VERDICT_BAD, "tls.handshake", "TLS",
		NULL, "no answer to TLS's first message within %llu.%03llu s",
		(unsigned long long)(tls->timeout_ns / BRI_NS_PER_S),
		(unsigned long long)(tls->timeout_ns % BRI_NS_PER_S / BRI_NS_PER_MS));

	bri_report_fix(row, "probably no TLS on this port (HTTPS: 443); else something on the way "
			    "swallows the packets: compare from another network");
}

/* --- the certificate --- */

static void names_text(const struct bri_check_tls *tls, char *ret, size_t size)
{
	size_t n = 0;

	snprintf(ret, size, "no host");
	for (size_t i = 0; i < tls->n_names && n < size; i++)
		n += (size_t)snprintf(ret + n, size - n, "%s%s", i ? ", " : "", tls->names[i]);
	if (tls->names_cut && n < size)
		snprintf(ret + n, size - n, ", ...");
}

#define RENEW_FIX                                                                                  \
	"renew it and let the server load the new one (with ACME: 'sudo certbot renew', then "     \
	"reload the server)"

static void judge_untrusted(const struct bri_check_tls *tls, const struct bri_cli_target *target,
	const char *names, struct bri_report *report)
{
	const char *text = bri_net_tls_error_text(tls->trust), *fix;
	char date[32], more[64] = "";
	struct bri_report_row *row;

	switch (tls->trust) {
	case errSSLCertExpired:
		if (tls->not_after && tls->not_after < tls->now)
			snprintf(more, sizeof(more), " on %s", date_text(tls->not_after, date));
		fix = RENEW_FIX "; if it is not, this machine's clock is wrong: see 'timedatectl'";
		break;
	case errSSLCertNotYetValid:
		if (tls->not_before > tls->now)
			snprintf(
				more, sizeof(more), " before %s", date_text(tls->not_before, date));
		fix = "look at this machine's clock: 'timedatectl'; if it is right, the "
		      "certificate was made with a wrong one";
		break;
	case errSSLNoRootCert:
		fix = "get a certificate of an authority (with ACME: 'sudo certbot'), or, when it "
		      "is your own server, trust it here: copy it to "
		      "/usr/local/share/ca-certificates/NAME.crt and 'sudo "
		      "update-ca-certificates'";
		break;
	case errSSLUnknownRootCert:
		fix = "let the server send the certificates in between too (certbot: "
		      "fullchain.pem); for an authority of your own: copy its certificate to "
		      "/usr/local/share/ca-certificates/NAME.crt and 'sudo "
		      "update-ca-certificates'";
		break;
	case errSSLHostNameMismatch: fix = NULL; break;
	case errSSLPeerCertRevoked:
		text = "the authority has revoked the certificate";
		fix = "get a new one, with a new key";
		break;
	case errSSLBadCertificateStatusResponse:
		text = "the OCSP answer that the server sent with it is not valid";
		fix = "let the server fetch a new one (nginx: 'ssl_stapling'), or none";
		break;
	default:
		fix = "get a new one that is for servers, with RSA of 2048 bits or more or an "
		      "elliptic curve, and signed with SHA-256 or better";
		break;
	}
	row = bri_report_add(report, BRI_VERDICT_BAD, "tls.certificate", "certificate", NULL,
		"not trusted: %s%s (%d); for %s", text, more, tls->trust, names);
	if (fix)
		bri_report_fix(row, "%s", fix);
	else
		bri_report_fix(row,
			"connect by a name that it is for, or get one for %s too (not as common "
			"name, as subjectAltName)",
			target->host);
}

static void judge_certificate(const struct bri_check_tls *tls, const struct bri_cli_target *target,
	struct bri_report *report)
{
	bool ends = tls->not_after && tls->not_after - tls->now < RENEW_BEFORE_S;
	char names[200], date[32];
	struct bri_report_row *row;

	if (!tls->has_certificate) {
		bri_report_add(report, BRI_VERDICT_NOTE, "tls.certificate", "certificate", NULL,
			"none was shown");
		return;
	}
	names_text(tls, names, sizeof(names));
	if (tls->trust) {
		judge_untrusted(tls, target, names, report);
		return;
	}
	row = bri_report_add(report, ends ? BRI_VERDICT_WARN : BRI_VERDICT_OK, "tls.certificate",
		"certificate", NULL, "trusted, until %s; for %s; by %s",
		date_text(tls->not_after, date), names, *tls->issuer ? tls->issuer : "?");
	if (ends)
		bri_report_fix(row, RENEW_FIX);
}

void bri_check_tls_judge(const struct bri_check_tls *tls, const struct bri_cli_target *target,
	struct bri_report *report)
{
	char suite[48];

	switch (tls->outcome) {
	case BRI_CHECK_TLS_FAILED: judge_failure(tls, target, report); return;
	case BRI_CHECK_TLS_SILENT: judge_silence(tls, report); return;
	case BRI_CHECK_TLS_READY: break;
	}
	bri_report_add(report, BRI_VERDICT_OK, "tls.handshake", "TLS", NULL,
		"%s, %s, over %s, in %llu.%llu ms", bri_net_tls_version_name(tls->version),
		bri_net_tls_suite_name(tls->suite, suite, sizeof(suite)),
		tls->multipath ? "Multipath TCP" : "plain TCP",
		(unsigned long long)(tls->handshake_us / 1000),
		(unsigned long long)(tls->handshake_us % 1000 / 100));
	if (*tls->alpn)
		bri_report_add(report, BRI_VERDICT_OK, "tls.alpn", "ALPN", NULL,
			"%s (of h2, http/1.1)", tls->alpn);
	else
		bri_report_add(report, BRI_VERDICT_NOTE, "tls.alpn", "ALPN", NULL,
			"the server chose no protocol of h2, http/1.1: a browser speaks HTTP/1.1");
	judge_certificate(tls, target, report);
}

/* --- JSON --- */

static void certificate_json(const struct bri_check_tls *tls, struct bri_json *json)
{
	bri_json_object(json, "certificate");
	bri_json_bool(json, "trusted", tls->trust == 0);
	bri_json_number(json, "trust_error", tls->trust);
	bri_json_array(json, "names");
	for (size_t i = 0; i < tls->n_names; i++)
		bri_json_string(json, NULL, tls->names[i]);
	bri_json_end_array(json);
	bri_json_bool(json, "names_cut", tls->names_cut);
	bri_json_string(json, "issuer", *tls->issuer ? tls->issuer : NULL);
	bri_json_number(json, "not_before", tls->not_before);
	bri_json_number(json, "not_after", tls->not_after);
	bri_json_end_object(json);
}

void bri_check_tls_json(const struct bri_check_tls *tls, struct bri_json *json)
{
	char suite[48];

	bri_json_object(json, "tls");
	if (tls->outcome == BRI_CHECK_TLS_READY) {
		bri_json_string(json, "version", bri_net_tls_version_name(tls->version));
		bri_json_string(json, "cipher_suite",
			bri_net_tls_suite_name(tls->suite, suite, sizeof(suite)));
		bri_json_string(json, "protocol", *tls->alpn ? tls->alpn : NULL);
		bri_json_bool(json, "multipath", tls->multipath);
		bri_json_unsigned(json, "handshake_us", tls->handshake_us);
		if (tls->has_certificate)
			certificate_json(tls, json);
		else
			bri_json_null(json, "certificate");
	} else if (tls->outcome == BRI_CHECK_TLS_FAILED) {
		bri_json_null(json, "version");
		bri_json_string(json, "error", tls->error);
		bri_json_number(json, "error_code", tls->code);
	} else {
		bri_json_null(json, "version");
		bri_json_string(json, "error", "no answer in time");
		bri_json_null(json, "error_code");
	}
	bri_json_end_object(json);
}
