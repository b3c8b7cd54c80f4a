/* What `braid monitor` shows for made-up looks: sizes, hostile names, keys, text, JSON, Prometheus.
 */
#include "monitor_util.h"

#include <locale.h>
#include <stdlib.h>
#include <wchar.h>
#include "base/clock.h"
#include "cli/monitor_output.h"
#include "cli/monitor_screen.h"

/* Every control character, an escape sequence, C1 in UTF-8, a mark of direction, broken UTF-8. */
static const char hostile[] = "\033[2J\r\n\t\x07\x9b\xc2\x9b\xe2\x80\xae\xc0\x9b";

static bool have_utf8;

static int setup(void **state)
{
	struct look *l = test_calloc(1, sizeof(*l));

	have_utf8 = setlocale(LC_CTYPE, "C.UTF-8") != NULL;
	init_look(l);
	*state = l;
	return 0;
}

static int teardown(void **state)
{
	fini_look(*state);
	test_free(*state);
	return 0;
}

/* Looks at `n` connections, twice, a second apart. Connection 1 is called `program`. */
static void fill(struct look *l, uint32_t n, const char *program)
{
	for (uint64_t now = 1; now <= 2; now++) {
		begin_look(l, now * SECOND);
		for (uint32_t i = 1; i <= n; i++) {
			struct bri_monitor_connection c = connection(i, i == 1 ? program : "other");

			add(l, &c);
		}
		seal(l);
		for (uint32_t i = 1; i <= n; i++)
			for (uint32_t k = 0; k < 2; k++) {
				struct bri_monitor_subflow s =
					subflow(l, i, k, now * 1000000 / i, 5000 * k * now);

				s.backup_remote = k == 1;
				put(l, &s);
			}
		end_look(l);
	}
}

/* Columns of a line with its colours taken out; fails on anything a terminal would obey. */
static unsigned columns_of(const char *line)
{
	unsigned columns = 0;
	mbstate_t mb = { 0 };

	while (*line) {
		wchar_t c;
		size_t n;

		if (*line == '\033') {
			assert_int_equal(line[1], '[');
			line += 2 + strspn(line + 2, "0123456789;");
			assert_int_equal(*line, 'm');
			line++;
			continue;
		}
		n = mbrtowc(&c, line, 8, &mb);
		assert_true(n > 0 && n < 8);
		assert_true(wcwidth(c) > 0);
		columns += (unsigned)wcwidth(c);
		line += n;
	}
	return columns;
}

static void draw(const struct look *l, struct bri_screen_view *view, struct bri_screen *screen)
{
	assert_int_equal(bri_screen_init(screen, view->width, view->height), 0);
	bri_screen_draw(&l->model, view, screen);
	assert_int_equal(screen->n, bri_min_size(view->height, BRI_SCREEN_MAX_HEIGHT));
	for (size_t i = 0; i < screen->n; i++)
		assert_true(columns_of(bri_screen_line(screen, i)) <=
			    bri_min_size(view->width, BRI_SCREEN_MAX_WIDTH));
}

static bool shows(const struct bri_screen *screen, const char *text)
{
	for (size_t i = 0; i < screen->n; i++)
		if (strstr(bri_screen_line(screen, i), text))
			return true;
	return false;
}

static void at_80x24(void **state)
{
	struct look *l = *state;
	struct bri_screen_view view = { .width = 80, .height = 24 };
	struct bri_screen screen;

	fill(l, 1, "curl");
	draw(l, &view, &screen);
	assert_non_null(strstr(bri_screen_line(&screen, 0), "1 connection, 2 subflows"));
	assert_string_equal(bri_screen_line(&screen, 2),
		"curl[1]  10.1.0.2:5001 > 10.99.0.1:443           >1s  16.0M  40.0k       ");
	assert_string_equal(bri_screen_line(&screen, 3),
		"  if0      10.1.0.2:5001           20.0ms          #   8.0M      0     0 active");
	assert_string_equal(bri_screen_line(&screen, 4),
		"  if1      10.2.0.2:5001           40.0ms          #   8.0M  40.0k     0 backup");
	assert_false(shows(&screen, "events"));
	assert_true(shows(&screen, "q quit"));
	bri_screen_fini(&screen);

	/* one event takes one row, many take as many as there is room for, the newest last */
	fill(l, 2, "curl");
	draw(l, &view, &screen);
	assert_non_null(strstr(bri_screen_line(&screen, 20), "-- events --"));
	assert_non_null(strstr(bri_screen_line(&screen, 21), " other[2] opened: 10.1.0.2:5002 > "));
	assert_non_null(strstr(bri_screen_line(&screen, 22), " other[2]: if1 joined: 10.2.0.2:"));
	bri_screen_fini(&screen);
	fill(l, 30, "curl");
	draw(l, &view, &screen);
	assert_non_null(strstr(bri_screen_line(&screen, 16), "-- events --"));
	assert_non_null(strstr(bri_screen_line(&screen, 22), " other[30]: if1 joined"));
	bri_screen_fini(&screen);
}

static void at_40x10(void **state)
{
	struct look *l = *state;
	struct bri_screen_view view = { .width = 40, .height = 10 };
	struct bri_screen screen;

	fill(l, 1, "a-rather-long-program-name");
	draw(l, &view, &screen);
	assert_true(shows(&screen, "if0     20.0ms   8.0M      0 active"));
	assert_true(shows(&screen, "a-rather-long-pr"));
	assert_true(shows(&screen, "16.0M"));
	bri_screen_fini(&screen);
}

static void at_200x60(void **state)
{
	struct look *l = *state;
	struct bri_screen_view view = {
		.width = 200, .height = 60, .unicode = true, .colour = true
	};
	struct bri_screen screen;

	if (!have_utf8)
		skip();
	fill(l, 1, "curl");
	draw(l, &view, &screen);
	assert_true(shows(&screen, "10.2.0.2:5001 \u2192 10.99.0.1:443"));
	assert_true(shows(&screen, "\u2588"));
	assert_true(shows(&screen, "\033[33mbackup\033[0m"));
	bri_screen_fini(&screen);
}

/* No size may break anything; the widths are checked in draw(). */
static void at_any_size(void **state)
{
	static const unsigned sizes[] = { 1, 2, 3, 4, 5, 7, 8, 11, 12, 13, 20, 39, 59, 60, 61, 76,
		79, 99, 100, 119, 120, 160, 300, 499, 500, 501, 999, 1000, 1001, 65535 };
	struct look *l = *state;
	struct bri_screen screen;

	fill(l, 5, hostile);
	for (size_t w = 0; w < BRI_LEN(sizes); w++)
		for (size_t h = 0; h < BRI_LEN(sizes); h++) {
			struct bri_screen_view view = { .width = sizes[w],
				.height = sizes[h],
				.unicode = have_utf8 && h % 2,
				.colour = w % 2,
				.scroll = h };

			draw(l, &view, &screen);
			bri_screen_fini(&screen);
		}
}

static void hostile_names_are_harmless(void **state)
{
	struct look *l = *state;
	struct bri_screen_view view = { .width = 100, .height = 24, .unicode = have_utf8 };
	struct bri_screen screen;

	fill(l, 1, hostile);
	for (int i = 0; i < 2; i++)
		snprintf(l->model.paths[i].now.interface, IF_NAMESIZE, "e\033]0;x\a\xff");
	snprintf(l->model.tracks[0].now.service, BRI_MONITOR_SERVICE_SIZE, "\xc2\x85\x7f");
	draw(l, &view, &screen);
	for (size_t i = 0; i < screen.n; i++)
		assert_null(strchr(bri_screen_line(&screen, i), '\033'));
	assert_true(shows(&screen, "?[2J???????"));
	bri_screen_fini(&screen);
}

static void wide_and_odd_names(void **state)
{
	struct look *l = *state;
	struct bri_screen_view view = { .width = 80, .height = 24, .unicode = true };
	struct bri_screen screen;
	char text[64];
	struct bri_line line;

	if (!have_utf8)
		skip();
	fill(l, 1, "\u4e2d\u6587\u7a0b\u5e8f e\u0301\u202e");
	draw(l, &view, &screen);
	assert_true(shows(&screen, "\u4e2d\u6587\u7a0b\u5e8f e??[1]"));
	/* the numbers stand where they stand for other names */
	assert_int_equal(columns_of(bri_screen_line(&screen, 2)), 73);
	bri_screen_fini(&screen);

	/* a wide character does not hang over the edge */
	bri_line_init(&line, text, sizeof(text), 3, true, false);
	bri_line_put(&line, "\u4e2d\u6587");
	assert_string_equal(text, "\u4e2d");
	/* in a locale without UTF-8: one '?' for the whole character */
	bri_line_init(&line, text, sizeof(text), 10, false, false);
	bri_line_put(&line, "a\u4e2db");
	assert_string_equal(text, "a?b");
}

/* Memory that is too small cuts, whatever is put. */
static void line_never_overflows(void **state)
{
	char text[40];

	(void)state;
	for (size_t size = 1; size < 30; size++) {
		struct bri_line line;
		const uint32_t values[] = { 1, 2, 3, 4, 5, 6, 7, 8, 0, 8 };

		memset(text, 'Z', sizeof(text));
		bri_line_init(&line, text, size, 1000, true, true);
		bri_line_style(&line, "1;7");
		bri_line_put(&line, "abc\u2192");
		bri_line_spark(&line, values, BRI_LEN(values), 8);
		bri_line_pad(&line, 900);
		bri_line_right(&line, 950, "1.2M");
		assert_true(strlen(text) < size);
		for (size_t i = size; i < sizeof(text); i++)
			assert_int_equal(text[i], 'Z');
	}
}

static void sparklines(void **state)
{
	const uint32_t values[] = { 0, 1, 50, 100, UINT32_MAX };
	struct bri_line line;
	char text[64];

	(void)state;
	bri_line_init(&line, text, sizeof(text), 80, false, false);
	bri_line_spark(&line, values, 4, 100);
	assert_string_equal(text, " .=#");
	bri_line_init(&line, text, sizeof(text), 80, false, false);
	bri_line_spark(&line, values, 5, UINT32_MAX);
	assert_string_equal(text, " ...#");
	bri_line_init(&line, text, sizeof(text), 80, false, false);
	bri_line_spark(&line, values, 1, 0);
	assert_string_equal(text, " ");
	bri_line_init(&line, text, sizeof(text), 3, true, false);
	bri_line_spark(&line, values, 5, 100);
	assert_string_equal(text, " \u2581\u2584");
}

static void numbers(void **state)
{
	char text[BRI_MONITOR_NUMBER_SIZE];

	(void)state;
#define IS(call, expected)                                                                         \
	do {                                                                                       \
		call;                                                                              \
		assert_string_equal(text, expected);                                               \
	} while (0)
	IS(bri_monitor_bits(0, text), "0");
	IS(bri_monitor_bits(124, text), "992");
	IS(bri_monitor_bits(125, text), "1.0k");
	IS(bri_monitor_bits(12499, text), "99.9k");
	IS(bri_monitor_bits(12500, text), "100k");
	IS(bri_monitor_bits(124999, text), "999k");
	IS(bri_monitor_bits(125000, text), "1.0M");
	IS(bri_monitor_bits(UINT64_MAX, text), "18.4E");
	IS(bri_monitor_bit_rate(UINT64_MAX, text), "18.4 Ebit/s");
	IS(bri_monitor_bytes(999, text), "999 B");
	IS(bri_monitor_bytes(1500000, text), "1.5 MB");
	IS(bri_monitor_rtt(0, text), "-");
	IS(bri_monitor_rtt(999, text), "999us");
	IS(bri_monitor_rtt(20140, text), "20.1ms");
	IS(bri_monitor_rtt(100000, text), "100ms");
	IS(bri_monitor_rtt(UINT32_MAX, text), "4294.9s");
	IS(bri_monitor_age(59 * SECOND, text), "59s");
	IS(bri_monitor_age(60 * SECOND, text), "1m00s");
	IS(bri_monitor_age(3600 * SECOND, text), "1h00m");
	IS(bri_monitor_age(47 * 3600 * SECOND, text), "47h00m");
	IS(bri_monitor_age(49 * 3600 * SECOND, text), "2d01h");
#undef IS
}

static void addresses(void **state)
{
	struct bri_monitor_addr four = v4(1, 2, 443), six = v6(7, 9, 443), none = { 0 };
	char text[BRI_MONITOR_ADDR_SIZE];

	(void)state;
	bri_monitor_addr(&four, text);
	assert_string_equal(text, "10.1.0.2:443");
	bri_monitor_addr(&none, text);
	assert_string_equal(text, "?");
	bri_monitor_addr(&six, text);
	assert_string_equal(text, "[2001:db8:1234:7:ab:cd:ef:9]:443");
	six.scope = 4000000000u;
	bri_monitor_addr(&six, text);
	assert_string_equal(text, "[2001:db8:1234:7:ab:cd:ef:9%4000000000]:443");
	six.scope = 0;
	bri_monitor_addr_short(&six, 24, text);
	assert_string_equal(text, "[2001:db8:12..:ef:9]:443");
	for (size_t max = 0; max < 60; max++) {
		bri_monitor_addr_short(&six, max, text);
		assert_true(strlen(text) <= (max < 8 ? 8 : max));
		bri_monitor_addr_short(&four, max, text);
		assert_true(strlen(text) <= (max < 8 ? 8 : max));
	}
}

static void scrolls(void **state)
{
	struct look *l = *state;
	struct bri_screen_view view = { .width = 80, .height = 24 };
	struct bri_screen screen;

	fill(l, 20, "first"); /* 60 lines */
	draw(l, &view, &screen);
	assert_non_null(strstr(bri_screen_line(&screen, 2), "first"));
	assert_true(shows(&screen, "1-21 of 60"));
	bri_screen_fini(&screen);

	assert_int_equal(bri_screen_keys(&view, "\033[B", 3), BRI_SCREEN_REDRAW);
	assert_int_equal(bri_screen_keys(&view, "j", 1), BRI_SCREEN_REDRAW);
	draw(l, &view, &screen);
	assert_non_null(strstr(bri_screen_line(&screen, 2), "  if1"));
	bri_screen_fini(&screen);

	bri_screen_keys(&view, "\033[F", 3);
	draw(l, &view, &screen);
	assert_int_equal(view.scroll, 39);
	assert_true(shows(&screen, "40-60 of 60"));
	bri_screen_fini(&screen);
	bri_screen_keys(&view, "\033[6~", 4);
	draw(l, &view, &screen);
	assert_int_equal(view.scroll, 39);
	bri_screen_fini(&screen);
	bri_screen_keys(&view, "\033[5~", 4);
	assert_int_equal(view.scroll, 19);
	bri_screen_keys(&view, "\033[1~", 4);
	assert_int_equal(view.scroll, 0);
	bri_screen_keys(&view, "\033OA", 3);
	assert_int_equal(view.scroll, 0);
}

static void filter_is_typed(void **state)
{
	struct look *l = *state;
	struct bri_screen_view view = { .width = 80, .height = 24 };
	struct bri_screen screen;

	fill(l, 3, "first");
	assert_int_equal(bri_screen_keys(&view, "/qirq\177\177", 7), BRI_SCREEN_REDRAW);
	assert_true(view.editing);
	assert_string_equal(view.filter, "qi");
	bri_screen_keys(&view, "\025firs\r", 6);
	assert_false(view.editing);
	assert_string_equal(view.filter, "firs");
	draw(l, &view, &screen);
	assert_true(shows(&screen, "first[1]"));
	assert_false(shows(&screen, "other"));
	bri_screen_fini(&screen);
	/* Escape goes back to what was in effect, a second one removes it */
	bri_screen_keys(&view, "/x\033", 3);
	assert_string_equal(view.filter, "firs");
	bri_screen_keys(&view, "\033", 1);
	assert_string_equal(view.filter, "");
	/* nothing else than it can hold, and Ctrl-C leaves even there */
	bri_screen_keys(&view, "/", 1);
	for (size_t i = 0; i < 2 * BRI_SCREEN_FILTER_SIZE; i++)
		bri_screen_keys(&view, "y", 1);
	assert_int_equal(strlen(view.filter), BRI_SCREEN_FILTER_SIZE - 1);
	draw(l, &view, &screen);
	assert_true(shows(&screen, "Nothing matches"));
	bri_screen_fini(&screen);
	assert_int_equal(bri_screen_keys(&view, "\003", 1), BRI_SCREEN_QUIT);
}

static void keys_and_their_pieces(void **state)
{
	static const char everything[] = "/\033[1;5A\033OP\033[\033[999999~\033\xff\x80p\rk\033[Bq";
	struct bri_screen_view view = { 0 };

	(void)state;
	assert_int_equal(bri_screen_keys(&view, "q", 1), BRI_SCREEN_QUIT);
	assert_int_equal(bri_screen_keys(&view, "z", 1), BRI_SCREEN_NOTHING);
	assert_int_equal(bri_screen_keys(&view, "r", 1), BRI_SCREEN_LOOK);
	assert_int_equal(bri_screen_keys(&view, "p", 1), BRI_SCREEN_REDRAW);
	assert_true(view.paused);
	/* cut anywhere, nothing is read past the end (valgrind and asan see) */
	for (size_t n = 0; n < sizeof(everything); n++) {
		char *piece = malloc(n ? n : 1);

		assert_non_null(piece);
		memcpy(piece, everything, n);
		bri_screen_keys(&view, piece, n);
		free(piece);
	}
}

/* ---- without a terminal ---- */

struct output {
	char *text;
	size_t size;
	FILE *file;
};

static void open_output(struct output *o)
{
	o->file = open_memstream(&o->text, &o->size);
	assert_non_null(o->file);
}

static void text_output(void **state)
{
	struct look *l = *state;
	struct output o;

	fill(l, 1, hostile);
	open_output(&o);
	bri_monitor_text(&l->model, "", false, o.file);
	fclose(o.file);
	assert_null(strchr(o.text, '\033'));
	assert_non_null(strstr(o.text, "1 connection, 2 subflows\n"));
	assert_non_null(strstr(o.text, "\n  if1        backup  10.2.0.2:5001 > 10.99.0.1:443  rtt "
				       "40.0ms  up 8.0 Mbit/s (2.0 MB)"));
	free(o.text);
}

static void json_output(void **state)
{
	struct look *l = *state;
	struct output o;

	fill(l, 2, "say \"hi\"\n\xc2\x9b");
	open_output(&o);
	bri_monitor_json(&l->model, "if0", o.file);
	fclose(o.file);
	/* one line, whatever the names are */
	assert_ptr_equal(strchr(o.text, '\n'), o.text + o.size - 1);
	assert_non_null(strstr(o.text, "\"program\":\"say \\\"hi\\\"\\n\\u009b\",\"pid\":1,"));
	assert_null(strstr(o.text, "\xc2\x9b"));
	assert_non_null(strstr(o.text, "\"interval_ms\":1000,\"complete\":true,"));
	assert_non_null(strstr(o.text, "\"tx_bytes_per_s\":1000000,"));
	assert_non_null(strstr(o.text, "\"events\":[]}"));
	free(o.text);

	begin_look(l, 3 * SECOND);
	seal(l);
	end_look(l);
	open_output(&o);
	bri_monitor_json_events(&l->model, "", o.file);
	fclose(o.file);
	assert_non_null(strstr(
		o.text, "{\"time\":\"2023-11-14T22:13:23.000Z\",\"event\":\"subflow-removed\","));
	assert_non_null(strstr(o.text, "\"event\":\"connection-closed\",\"token\":1002,"));
	free(o.text);
}

static void prometheus_output(void **state)
{
	struct look *l = *state;
	struct output o;

	fill(l, 1, "a\\b\"c\nd");
	open_output(&o);
	bri_monitor_prometheus(&l->model, "", o.file);
	fclose(o.file);
	assert_non_null(strstr(o.text, "\n# TYPE braid_subflow_sent_bytes_total counter\n"));
	assert_non_null(strstr(o.text, "\nbraid_subflow_rtt_seconds{connection=\"10\",program="
				       "\"a\\\\b\\\"c?d\",pid=\"1\",service=\"\","
				       "subflow=\"12\",interface=\"if1\",local=\"10.2.0.2:5001\","
				       "remote=\"10.99.0.1:443\"} 0.040000\n"));
	assert_non_null(strstr(o.text, "\nbraid_connections 1\n"));
	free(o.text);
}

/* A refresh of 2,000 connections: the bound is many times what it takes, and far below a second. */
static void thousands_are_cheap(void **state)
{
	struct look *l = *state;
	struct bri_screen_view view = { .width = 80, .height = 24 };
	struct bri_screen screen;
	uint64_t begin_ns = bri_clock_now_ns(), took_ns;

	fill(l, 2000, "first");
	draw(l, &view, &screen);
	took_ns = bri_clock_now_ns() - begin_ns;
	bri_screen_fini(&screen);
	print_message("two looks at 2000 connections: %u us\n", (unsigned)(took_ns / 1000));
	assert_true(took_ns < SECOND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(at_80x24, setup, teardown),
		cmocka_unit_test_setup_teardown(at_40x10, setup, teardown),
		cmocka_unit_test_setup_teardown(at_200x60, setup, teardown),
		cmocka_unit_test_setup_teardown(at_any_size, setup, teardown),
		cmocka_unit_test_setup_teardown(hostile_names_are_harmless, setup, teardown),
		cmocka_unit_test_setup_teardown(wide_and_odd_names, setup, teardown),
		cmocka_unit_test_setup_teardown(scrolls, setup, teardown),
		cmocka_unit_test_setup_teardown(filter_is_typed, setup, teardown),
		cmocka_unit_test_setup_teardown(text_output, setup, teardown),
		cmocka_unit_test_setup_teardown(json_output, setup, teardown),
		cmocka_unit_test_setup_teardown(prometheus_output, setup, teardown),
		cmocka_unit_test_setup_teardown(thousands_are_cheap, setup, teardown),
		cmocka_unit_test(line_never_overflows),
		cmocka_unit_test(sparklines),
		cmocka_unit_test(numbers),
		cmocka_unit_test(addresses),
		cmocka_unit_test(keys_and_their_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
