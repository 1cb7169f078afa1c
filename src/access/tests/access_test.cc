// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "access/api_tokens.h"
#include "access/audit.h"
#include "access/enrolment.h"
#include "access/schema.h"
#include "access/sessions.h"
#include "access/tests/fixture.h"
#include "core/bytes.h"
#include "identity/request.h"
#include "runtime/file.h"

namespace muster::access {
namespace {

using core::Code;
using testing::HasSubstr;
using namespace std::chrono_literals;

class Access : public Fixture {
 protected:
  Users users{*database, workers, clock()};
  Sessions sessions{*database, clock()};
  ApiTokens tokens{*database, clock()};
  Principal root{"root", Role::kAdmin, {}, "session:x"};

  void add(std::string name, Role role, std::string selector = {}) {
    auto made = run(users.create(root, {name, "password-of-" + name, role, selector}));
    ASSERT_TRUE(made) << made.error().message;
  }
  void SetUp() override { add("root", Role::kAdmin); }
};

TEST(Rights, ViewerOperatorAdmin) {
  EXPECT_TRUE(allowed(Role::kViewer, Right::kView));
  EXPECT_FALSE(allowed(Role::kViewer, Right::kRun));
  EXPECT_TRUE(allowed(Role::kOperator, Right::kRun));
  EXPECT_FALSE(allowed(Role::kOperator, Right::kManageUsers));
  EXPECT_TRUE(allowed(Role::kAdmin, Right::kManageUsers));
  const Principal narrowed{"a", Role::kAdmin, {"site=x"}, ""};
  EXPECT_TRUE(require(narrowed, Right::kRun));
  EXPECT_EQ(require(narrowed, Right::kManageUsers).error().code, Code::kDenied);
  EXPECT_THAT(require({"v", Role::kViewer, {}, ""}, Right::kRun).error().message,
              HasSubstr("operator"));
  EXPECT_FALSE(parse_role("root"));
  for (const char* bad : {"", "a b", "../x", ".a", "-a", "a\n"})
    EXPECT_FALSE(is_valid_user_name(bad));
}

TEST(LoginLimit, BoundsAndForgives) {
  LoginLimit limit;
  const auto now = core::wall_from_unix_ms(1'790'000'000'000);
  for (int i = 0; i < LoginLimit::kUserFailuresMax; ++i) {
    EXPECT_TRUE(limit.check("ann", "1.1.1.1", now));
    limit.failed("ann", "1.1.1.1", now);
  }
  auto refused = limit.check("ann", "1.1.1.1", now);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kLimit);
  EXPECT_THAT(refused.error().message, HasSubstr("try again in"));
  EXPECT_TRUE(limit.check("ann", "2.2.2.2", now));  // a stranger cannot lock her out
  EXPECT_TRUE(limit.check("bob", "1.1.1.1", now));
  EXPECT_TRUE(limit.check("ann", "1.1.1.1", now + 10min));
  for (int i = 0; i < LoginLimit::kAddressFailuresMax; ++i) {
    limit.failed("u" + std::to_string(i), "3.3.3.3", now);
  }
  EXPECT_FALSE(limit.check("new", "3.3.3.3", now));
  limit.failed("eve", "4.4.4.4", now);
  limit.succeeded("eve", "4.4.4.4");
  EXPECT_TRUE(limit.check("eve", "4.4.4.4", now));
}

TEST_F(Access, TheFirstAdminIsMadeOnce) {
  auto empty = *store::Database::open_temporary({migrations()});
  Users fresh(*empty, workers, clock());
  auto first = fresh.make_first_admin();
  ASSERT_TRUE(first && *first);
  EXPECT_GE((*first)->password.size(), 16u);
  auto user = run(fresh.login("admin", (*first)->password, "::1"));
  ASSERT_TRUE(user) << user.error().message;
  EXPECT_EQ(user->role, Role::kAdmin);
  auto second = fresh.make_first_admin();
  ASSERT_TRUE(second);
  EXPECT_FALSE(*second);
}

TEST_F(Access, WrongNameAndWrongPasswordReadTheSame) {
  auto wrong = run(users.login("root", "no", "1.1.1.1"));
  auto unknown = run(users.login("nobody", "no", "1.1.1.1"));
  auto malformed = run(users.login("a\n'b", "no", "1.1.1.1"));
  ASSERT_FALSE(wrong || unknown || malformed);
  EXPECT_EQ(wrong.error().code, Code::kUnauthorized);
  EXPECT_EQ(wrong.error().message, unknown.error().message);
  EXPECT_EQ(wrong.error().message, malformed.error().message);
  for (int i = 0; i < 9; ++i) (void)run(users.login("root", "no", "1.1.1.1"));
  EXPECT_EQ(run(users.login("root", "password-of-root", "1.1.1.1")).error().code, Code::kLimit);
  EXPECT_TRUE(run(users.login("root", "password-of-root", "2.2.2.2")));
}

TEST_F(Access, UsersAreMadeChangedAndRemoved) {
  add("ann", Role::kViewer, "site=a");
  EXPECT_EQ(run(users.create(root, {"ann", "password1", Role::kViewer, ""})).error().code,
            Code::kExists);
  EXPECT_EQ(run(users.create(root, {"bob", "short", Role::kViewer, ""})).error().code,
            Code::kInvalid);
  EXPECT_EQ(run(users.create(root, {"b b", "password1", Role::kViewer, ""})).error().code,
            Code::kInvalid);
  const Principal viewer{"ann", Role::kViewer, {}, ""};
  EXPECT_EQ(run(users.create(viewer, {"x", "password1", Role::kAdmin, ""})).error().code,
            Code::kDenied);
  UserChange change;
  change.role = Role::kOperator;
  auto changed = run(users.update(root, "ann", change));
  ASSERT_TRUE(changed);
  EXPECT_EQ(changed->role, Role::kOperator);
  EXPECT_EQ(changed->selector, "site=a");
  EXPECT_EQ(run(users.list(root))->size(), 2u);
  EXPECT_EQ(run(users.remove(root, "nobody")).error().code, Code::kNotFound);
  EXPECT_EQ(run(users.remove(root, "root")).error().code, Code::kConflict);  // the last admin
  change.role = Role::kViewer;
  EXPECT_EQ(run(users.update(root, "root", change)).error().code, Code::kConflict);
  EXPECT_TRUE(run(users.remove(root, "ann")));
}

TEST_F(Access, SessionsEndByTimeAndByHand) {
  auto made = run(sessions.create(*run(users.get("root")), "1.1.1.1"));
  ASSERT_TRUE(made);
  auto who = run(sessions.authenticate(made->cookie));
  ASSERT_TRUE(who) << who.error().message;
  EXPECT_EQ(who->name, "root");
  EXPECT_EQ(Sessions::id_of(*who), Sessions::id_of(made->principal));
  for (auto bad : {std::string(), std::string("mss1.x.y"), made->cookie + "0",
                   made->cookie.substr(0, made->cookie.size() - 2) + "00"}) {
    if (bad == made->cookie) continue;
    EXPECT_EQ(run(sessions.authenticate(bad)).error().code, Code::kUnauthorized) << bad;
  }
  now += 11h;
  EXPECT_TRUE(run(sessions.authenticate(made->cookie)));
  now += 11h;  // seen eleven hours ago, so it lives
  EXPECT_TRUE(run(sessions.authenticate(made->cookie)));
  now += 12h;
  EXPECT_FALSE(run(sessions.authenticate(made->cookie)));
  EXPECT_EQ(*run(sessions.sweep()), 1);
  auto next = run(sessions.create(*run(users.get("root")), "1.1.1.1"));
  EXPECT_TRUE(run(sessions.end(next->cookie)));
  EXPECT_FALSE(run(sessions.authenticate(next->cookie)));
  EXPECT_TRUE(run(sessions.end("garbage")));
}

TEST_F(Access, ANewPasswordEndsTheOtherSessions) {
  auto user = *run(users.get("root"));
  auto mine = *run(sessions.create(user, "1.1.1.1"));
  auto other = *run(sessions.create(user, "2.2.2.2"));
  EXPECT_EQ(
      run(users.change_password(mine.principal, "wrong", "new-password", "1.1.1.1")).error().code,
      Code::kUnauthorized);
  ASSERT_TRUE(run(users.change_password(mine.principal, "password-of-root", "new-password",
                                        "1.1.1.1", Sessions::id_of(mine.principal))));
  EXPECT_TRUE(run(sessions.authenticate(mine.cookie)));
  EXPECT_FALSE(run(sessions.authenticate(other.cookie)));
  EXPECT_TRUE(run(users.login("root", "new-password", "1.1.1.1")));
  UserChange reset;
  reset.password = "reset-password";
  ASSERT_TRUE(run(users.update(root, "root", reset)));
  EXPECT_FALSE(run(sessions.authenticate(mine.cookie)));
}

TEST_F(Access, ApiTokensNeverExceedTheirUser) {
  add("op", Role::kOperator, "site=a");
  const Principal op{"op", Role::kOperator, {"site=a"}, "session:y"};
  EXPECT_EQ(run(tokens.create(op, {"t", {}, Role::kAdmin, ""})).error().code, Code::kDenied);
  EXPECT_EQ(run(tokens.create(op, {"", {}, {}, ""})).error().code, Code::kInvalid);
  auto made = run(tokens.create(op, {"ci", 1h, {}, "role=web"}));
  ASSERT_TRUE(made) << made.error().message;
  auto who = run(tokens.authenticate(made->token));
  ASSERT_TRUE(who);
  EXPECT_EQ(who->role, Role::kOperator);
  EXPECT_THAT(who->selectors, testing::ElementsAre("site=a", "role=web"));
  EXPECT_EQ(who->via, "token:" + made->info.id);
  EXPECT_EQ(run(tokens.create(*who, {"child", {}, {}, ""})).error().code, Code::kDenied);
  UserChange less;
  less.role = Role::kViewer;
  ASSERT_TRUE(run(users.update(root, "op", less)));
  EXPECT_EQ(run(tokens.authenticate(made->token))->role, Role::kViewer);
  EXPECT_TRUE(run(tokens.list(op))->front().last_used);
  EXPECT_EQ(run(tokens.list({"other", Role::kViewer, {}, ""}))->size(), 0u);
  EXPECT_EQ(run(tokens.remove({"other", Role::kViewer, {}, ""}, made->info.id)).error().code,
            Code::kNotFound);
  now += 1h;
  EXPECT_EQ(run(tokens.authenticate(made->token)).error().code, Code::kUnauthorized);
  auto lasting = run(tokens.create(op, {"cd", {}, {}, ""}));
  ASSERT_TRUE(run(users.remove(root, "op")));
  EXPECT_FALSE(run(tokens.authenticate(lasting->token)));
}

TEST_F(Access, ATokenMadeByATokenEndsNoLater) {
  auto parent = run(tokens.create(root, {"parent", 1h, {}, ""}));
  auto by = run(tokens.authenticate(parent->token));
  auto child = run(tokens.create(*by, {"child", {}, {}, ""}));
  ASSERT_TRUE(child);
  EXPECT_EQ(child->info.expires_at, parent->info.expires_at);
  EXPECT_EQ(tokens.create_for("nobody", {"x", {}, {}, ""}).error().code, Code::kNotFound);
  EXPECT_TRUE(tokens.create_for("root", {"cli", {}, {}, ""}));
}

}  // namespace
}  // namespace muster::access
