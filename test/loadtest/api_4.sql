SELECT swipesavvy.list_users();
