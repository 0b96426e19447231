// SPDX-License-Identifier: Apache-2.0
/* The plugins' own heap, under other names beside the C library's. */
#include "test.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void *heap_malloc(size_t size);
void *heap_calloc(size_t n, size_t size);
void heap_free(void *block);
void *heap_realloc(void *block, size_t size);

#define malloc	heap_malloc
#define calloc	heap_calloc
#define free	heap_free
#define realloc heap_realloc
#include "plugins/heap.c"
#undef malloc
#undef calloc
#undef free
#undef realloc

#define CLASS_MAX (((size_t)1 << MAX_SHIFT) - sizeof(struct head))

static void blocks_of_all_sizes_are_aligned_and_apart(void **state)
{
	unsigned char *block[64];

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(block); i++) {
		block[i] = heap_malloc(i * 37);
		CHECK(block[i]);
		CHECK((uintptr_t)block[i] % 16 == 0);
		memset(block[i], (int)i, i * 37);
	}
	for (size_t i = 0; i < FL_ARRAY_LEN(block); i++) {
		for (size_t j = 0; j < i * 37; j++)
			CHECK(block[i][j] == i);
		heap_free(block[i]);
	}
}

static void calloc_gives_zeroes_where_a_freed_block_had_content(void **state)
{
	unsigned char *first = heap_malloc(100), *second;

	(void)state;
	memset(first, 0xff, 100);
	heap_free(first);
	second = heap_calloc(10, 10);
	CHECK(second == first);
	for (size_t i = 0; i < 100; i++)
		CHECK(second[i] == 0);
	heap_free(second);
}

static void realloc_keeps_the_content_at_every_size(void **state)
{
	unsigned char *block = heap_realloc(NULL, 1);

	(void)state;
	block[0] = 0;
	for (size_t size = 2; size < 4u << 20; size = size * 2 - 1) {
		block = heap_realloc(block, size);
		CHECK(block);
		for (size_t i = 0; i < size / 2; i++)
			CHECK(block[i] == i % 251);
		for (size_t i = 0; i < size; i++)
			block[i] = (unsigned char)(i % 251);
	}
	heap_free(block);
}

static void sizes_at_the_edge_of_the_classes_are_usable_to_the_last_byte(void **state)
{
	static const size_t sizes[] = { 0, 1, 16, 17, CLASS_MAX - 1, CLASS_MAX, CLASS_MAX + 1 };

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(sizes); i++) {
		unsigned char *block = heap_malloc(sizes[i]);

		CHECK(block);
		memset(block, 0xa5, sizes[i]);
		heap_free(block);
	}
}

static void an_exhausted_arena_is_followed_by_another(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3 * ARENA / 4096; i++) {
		unsigned char *block = heap_malloc(4000);

		CHECK(block);
		memset(block, 1, 4000);
	}
}

static void impossible_sizes_are_enomem(void **state)
{
	volatile size_t most = SIZE_MAX;

	(void)state;
	errno = 0;
	CHECK(!heap_malloc(most));
	CHECK(errno == ENOMEM);
	errno = 0;
	CHECK(!heap_calloc(most / 2, 3));
	CHECK(errno == ENOMEM);
}

static void a_block_freed_twice_ends_the_program(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	CHECK(pid >= 0);
	if (pid == 0) {
		void *volatile block = heap_malloc(10);

		(void)signal(SIGABRT, SIG_DFL);
		heap_free(block);
		heap_free(block);
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_of_all_sizes_are_aligned_and_apart),
		cmocka_unit_test(calloc_gives_zeroes_where_a_freed_block_had_content),
		cmocka_unit_test(realloc_keeps_the_content_at_every_size),
		cmocka_unit_test(sizes_at_the_edge_of_the_classes_are_usable_to_the_last_byte),
		cmocka_unit_test(an_exhausted_arena_is_followed_by_another),
		cmocka_unit_test(impossible_sizes_are_enomem),
		cmocka_unit_test(a_block_freed_twice_ends_the_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
