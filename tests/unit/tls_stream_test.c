/*
 * Content over TLS and DTLS on connections, over loopback: much, in pieces, its end; and peers that
 * do what no honest one does.
 */
#include "tls_connection_util.h"

#include <sys/socket.h>
#include <unistd.h>

/* --- streams --- */

static void large_transfers(void **state)
{
	struct ends *e = new_ends(false);
	size_t size = 3 * 1024 * 1024 + 17;
	char *bytes = malloc(size);

	(void)state;
	for (size_t i = 0; i < size; i++)
		bytes[i] = (char)(i * 7 + (i >> 13));
	open_ends(e);
	await(&e->r, "ready");
	await(&e->sr, "ready");
	for (size_t at = 0, piece; at < size; at += piece) {
		piece = size - at < 700001 ? size - at : 700001;
		send_bytes(e->c, &e->r, 'c', bytes + at, piece,
			NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true);
	}
	receive(e->s, &e->sr, 'd', (uint32_t)size, (uint32_t)size);
	await_data(&e->sr, size);
	assert_memory_equal(e->sr.data, bytes, size);
	free(bytes);
	free_ends(e);
}

/* content in regions of all sizes: small ones share records, large ones are sent as they are */
static void regions_of_all_sizes(void **state)
{
	struct ends *e = new_ends(false);
	dispatch_data_t all = dispatch_data_empty, piece, both;
	size_t size = 0, n;
	char *bytes = malloc(1 << 20);

	(void)state;
	for (size_t i = 0; i < 90; i++) {
		n = i % 7 == 6 ? 20000 + i : (i * 397) % 5000 + 1;
		for (size_t j = 0; j < n; j++)
			bytes[size + j] = (char)(i + j * 3);
		piece = dispatch_data_create_f(bytes + size, n, NULL, NULL);
		both = dispatch_data_create_concat(all, piece);
		dispatch_release(all);
		dispatch_release(piece);
		all = both;
		size += n;
	}
	assert_true(size < 1 << 20);
	open_ends(e);
	await(&e->r, "ready");
	await(&e->sr, "ready");
	receive(e->s, &e->sr, 'd', (uint32_t)size, (uint32_t)size);
	nw_connection_send_f(e->c, all, NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true,
		tag(&e->r, 'c'), on_sent, NULL);
	await_data(&e->sr, size);
	assert_memory_equal(e->sr.data, bytes, size);
	dispatch_release(all);
	free(bytes);
	free_ends(e);
}

/* a datagram is what was completed, in how many pieces it may come */
static void datagrams_in_pieces(void **state)
{
	struct ends *e = new_ends(true);
	nw_content_context_t context = nw_content_context_create("pieces");

	(void)state;
	open_ends(e);
	await(&e->r, "ready");
	await(&e->sr, "ready");
	receive_message(e->s, &e->sr, 'a');
	receive_message(e->s, &e->sr, 'b');
	send_bytes(e->c, &e->r, 'c', "one", 3, context, false);
	send_bytes(e->c, &e->r, 'd', "two", 3, context, true);
	send_text(e->c, &e->r, 'f', "next");
	await(&e->sr, "a=onetwo*");
	await(&e->sr, "b=next*");
	nw_release(context);
	free_ends(e);
}

static void half_close(void **state)
{
	struct ends *e = new_ends(false);

	(void)state;
	open_ends(e);
	await(&e->r, "ready");
	await(&e->sr, "ready");
	receive(e->s, &e->sr, 'a', 1, 100);
	receive(e->s, &e->sr, 'b', 1, 100);
	receive(e->c, &e->r, 'c', 1, 100);
	send_text(e->c, &e->r, 'd', "theend");
	send_fin(e->c, &e->r, 'e');
	await(&e->sr, "a=theend");
	await(&e->sr, "b=-*");
	send_text(e->s, &e->sr, 'f', "hello");
	await(&e->r, "c=hello");
	free_ends(e);
}

/* --- what is not TLS --- */

static void garbage_from_a_server(void **state)
{
	struct ends *e = new_ends(false);
	struct last_error last;
	int fd = raw_listen(AF_INET, SOCK_STREAM, &e->port), peer;

	(void)state;
	open_failing_client(e, &last);
	peer = raw_accept(fd);
	raw_send(peer, "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n");
	await_error(e, &last);
	assert_int_equal(last.domain, nw_error_domain_tls);
	assert_true(last.code <= -9800 && last.code > -9900);
	close(peer);
	close(fd);
	free_ends(e);
}

static void with_both(struct ends *e, sec_protocol_options_t o)
{
	with_challenge(e, o);
	with_verify(e, o);
}

/* --- a server that is only an engine: it does what no honest one does --- */

static void send_all(int fd, struct bri_tls *tls)
{
	uint8_t *bytes;
	size_t size;

	while (bri_tls_output_take(tls, &bytes, &size)) {
		assert_int_equal(send(fd, bytes, size, 0), size);
		free(bytes);
	}
}

static struct bri_tls *new_engine(void)
{
	struct bri_tls_config config = {
		.server = true,
		.min_version = 0x0303,
		.max_version = 0x0304,
		.identity = tls_cert_identity(&leaf),
	};
	struct bri_tls *tls;

	assert_int_equal(bri_tls_new(&config, 0, &tls), 0);
	return tls;
}

static struct bri_tls *serve_engine(int fd)
{
	struct bri_tls *tls = new_engine();
	uint8_t room[16384];
	ssize_t n;

	while (bri_tls_step(tls, 0) == BRI_TLS_WAITS) {
		send_all(fd, tls);
		n = recv(fd, room, sizeof(room), 0);
		assert_true(n > 0);
		bri_tls_input(tls, room, (size_t)n);
	}
	bri_tls_input(tls, NULL, 0);
	assert_true(bri_tls_is_done(tls));
	send_all(fd, tls);
	return tls;
}

/* RFC 8446 section 6.1: an end without close_notify is no end of the content */
static void truncation(void **state)
{
	(void)state;
	for (int announced = 0; announced < 2; announced++) {
		struct ends *e = new_ends(false);
		int fd = raw_listen(AF_INET, SOCK_STREAM, &e->port), peer;
		struct bri_tls *tls;

		open_client(e);
		peer = raw_accept(fd);
		tls = serve_engine(peer);
		await(&e->r, "ready");
		receive(e->c, &e->r, 'a', 1, 100);
		receive(e->c, &e->r, 'b', 1, 100);
		assert_int_equal(bri_tls_write(tls, "data", 4), 0);
		if (announced)
			bri_tls_close(tls);
		send_all(peer, tls);
		close(peer);
		await(&e->r, "a=data");
		await(&e->r, announced ? "b=-*" : "b=-(3:-9816)");
		if (!announced)
			await(&e->r, "failed(3:-9816)");
		bri_tls_put(tls);
		close(fd);
		free_ends(e);
	}
}

/* who floods a client that waits for its user does not fill its memory */
static void flood(void **state)
{
	(void)state;
	for (int job = 0; job < 2; job++) {
		struct ends *e = new_ends(false);
		int fd = raw_listen(AF_INET, SOCK_STREAM, &e->port), peer;
		struct bri_tls *tls = new_engine();
		static uint8_t room[64 * 1024];
		size_t sent = 0;
		ssize_t n;

		e->client = job ? with_both : with_verify;
		e->verdict = -2;
		open_client(e);
		peer = raw_accept(fd);
		n = recv(peer, room, sizeof(room), 0);
		bri_tls_input(tls, room, (size_t)n);
		assert_int_equal(bri_tls_step(tls, 0), BRI_TLS_WAITS);
		send_all(peer, tls);
		await(&e->r, "asked");
		memset(room, 0, sizeof(room));
		do {
			n = send(peer, room, sizeof(room), MSG_NOSIGNAL);
			sent += n > 0 ? (size_t)n : 0;
		} while (n > 0 && sent < 64u << 20);
		assert_true(sent < 64u << 20);
		await_first(&e->r, "failed(3:-9817)");
		e->later(e->later_context, true);
		bri_tls_put(tls);
		close(peer);
		close(fd);
		free_ends(e);
	}
}

/* a record that was changed on its way */
static void corruption(void **state)
{
	struct ends *e = new_ends(false);
	int fd = raw_listen(AF_INET, SOCK_STREAM, &e->port), peer;
	struct bri_tls *tls;
	uint8_t *bytes;
	size_t size;

	(void)state;
	open_client(e);
	peer = raw_accept(fd);
	tls = serve_engine(peer);
	await(&e->r, "ready");
	receive(e->c, &e->r, 'a', 1, 100);
	assert_int_equal(bri_tls_write(tls, "data", 4), 0);
	assert_true(bri_tls_output_take(tls, &bytes, &size));
	bytes[size - 1] ^= 1;
	assert_int_equal(send(peer, bytes, size, 0), size);
	free(bytes);
	await(&e->r, "failed(3:-9846)");
	/* it is told why */
	bytes = malloc(16384);
	size = (size_t)recv(peer, bytes, 16384, 0);
	bri_tls_input(tls, bytes, size);
	assert_int_equal(bri_tls_read(tls, bytes + 8192, 8192, &size), -EPROTO);
	assert_int_equal(bri_tls_error(tls), BRI_TLS_PEER_BAD_RECORD_MAC);
	free(bytes);
	bri_tls_put(tls);
	close(peer);
	close(fd);
	free_ends(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(large_transfers),
		cmocka_unit_test(regions_of_all_sizes),
		cmocka_unit_test(datagrams_in_pieces),
		cmocka_unit_test(half_close),
		cmocka_unit_test(garbage_from_a_server),
		cmocka_unit_test(truncation),
		cmocka_unit_test(flood),
		cmocka_unit_test(corruption),
	};

	return cmocka_run_group_tests(tests, make_certificates, free_certificates);
}
